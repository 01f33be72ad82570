"""What all wire protocols share: the contract and the reading of JSON bodies."""
