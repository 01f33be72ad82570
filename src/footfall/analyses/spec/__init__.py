"""What every analysis shares: contract, spans, filters, answers, charts."""
