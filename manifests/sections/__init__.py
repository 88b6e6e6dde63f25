"""The typed form of sections of a recipe that several tables share or that are long: choices, quotas, splits."""
