"""The Lambda entry points: an event comes in, the rules of core are applied, AWS is called."""
