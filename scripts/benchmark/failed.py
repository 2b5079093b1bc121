"""Why a row has no figures in a round: it stays in the table, and says so."""


class Failed(Exception):
    """In words for the table."""
