"""Decision diagrams: numbers in tables, compiled. Knows circuits, not trees."""
