"""The rules of the offline planner, one file an intent; `agent.planning` tries them in order."""
