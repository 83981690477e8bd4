"""The web application: pages for people, JSON for programs, over the workflows."""
