"""MQTT 3.1.1 and 5, subscribing only: JSON messages become readings by templates and are acknowledged once they are durable."""
