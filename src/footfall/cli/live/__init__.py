"""Commands about the live path: views, watch, alerts, live."""
