"""footfall: user-behaviour analytics, from events to answers."""
