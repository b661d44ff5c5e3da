"""Modbus TCP and RTU-over-TCP, reading only (functions 1–4): address text in, polled readings out."""
