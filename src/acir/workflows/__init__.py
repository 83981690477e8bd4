"""The only place where everything meets; one function a verb."""
