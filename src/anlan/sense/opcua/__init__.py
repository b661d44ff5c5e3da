"""OPC UA by subscription, reading only: node ids in, changes with the source's own time and status out."""
