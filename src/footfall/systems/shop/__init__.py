"""The shop: its simulator, schema and questions."""
