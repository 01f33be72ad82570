"""What an event is: fields, identity, schema checks, its times."""
