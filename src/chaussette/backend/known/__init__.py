"""What is known of the engines that come with Chaussette: data, read without importing any of them."""

from . import compiled, greenlets, loops, threads

KNOWN = (*threads.ENGINES, *greenlets.ENGINES, *compiled.ENGINES, *loops.ENGINES)
