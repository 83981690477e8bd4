"""Who may do what, and what was done: access, audit and models in service. No torch."""
