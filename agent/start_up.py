"""What a process does differently that loads the libraries, answers once and ends.

Nearly all of its time goes into loading them. Three things that a longer life needs only cost it: collecting garbage,
which walks the libraries' new objects hundreds of times while they load; a second thread for models of a few megabytes,
which waits more than it works; and taking half a million objects apart at the end, before the process is gone anyway.
Together they are a third of the whole (`benchmarks/start_up.py` measures it).
"""

import atexit
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

# What torch reads when it is imported, and the text reader when it is opened.
THREADS = "OMP_NUM_THREADS"


@contextmanager
def single_answer(small_models: bool) -> Iterator[None]:
    """For what a process does once in its life; to be entered before torch is imported.

    `small_models`: whether only small models will run, as the embedded ones are. Then they keep to one thread, unless
    the environment says how many they should use. Environment and collector are as before when the block is left.
    """
    collecting = gc.isenabled()
    one_thread = small_models and THREADS not in os.environ
    gc.disable()
    if one_thread:
        os.environ[THREADS] = "1"
    try:
        yield
    finally:
        if one_thread:
            os.environ.pop(THREADS, None)
        if collecting:
            gc.enable()


def end_process() -> NoReturn:
    """Ends this process with status 0 as Python's multiprocessing ends its children: what is registered for the end is
    run and what was written is sent off, but the libraries are not taken apart first.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)
