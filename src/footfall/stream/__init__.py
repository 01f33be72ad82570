"""The live path: operators over micro-batches of records, their state, and what becomes visible of them."""
