"""What scripts/bench is made of: one idea a module; a scenario is a module or a row in scenarios/."""
