"""What the incoming path costs: `python -m tests.bench.run` for the figures, test_cost_laws.py for what must hold."""
