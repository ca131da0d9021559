"""What drives http11: `threads` (the engine `fast`) and `greenlets` (`fastgevent`). Each works without the
rest of Chaussette.

What is called for each request, here and in http11, may be compiled when a wheel is built, see `hatch_build.py`: same source,
same tests.
"""
