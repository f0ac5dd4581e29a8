"""Training any Ferret checkpoint: recipes, what of the model trains, memory plans and the task the loop runs."""
