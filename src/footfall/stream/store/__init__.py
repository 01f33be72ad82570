"""Where views, alerts and state are kept: the contract, and the embedded store."""
