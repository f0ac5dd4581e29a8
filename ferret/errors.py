"""The errors of the project, on two axes: whose fault it was, and what can be done.

Everything raised on purpose derives from `FerretError`. A `RequestError` is the caller's: the message is one line that
says what is wrong and how to mend it, and the command line exits with status 2. Everything else is ours or an
instrument's, and the command line exits with status 1.
"""


class FerretError(Exception):
    """Base of every error that this project raises on purpose."""


class RequestError(FerretError, ValueError):
    """The request cannot be served as it stands; the message says how to mend it."""


class ImageError(RequestError):
    """The image cannot be read: missing, not an image, truncated, too large, or not a local file."""


class RegionError(RequestError):
    """A region is malformed, empty or outside its image."""


class WeightsError(RequestError):
    """Weights are unknown, missing, damaged or of another format."""


class TrainingError(RequestError):
    """A recipe, its data or a saved run cannot be used as asked."""


class ToolError(FerretError):
    """An instrument failed or is not available; the answer goes on without it and says so."""
