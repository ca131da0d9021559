"""What drives http11: `threads` (the engine `fast`) and `greenlets` (`fastgevent`). Each works without the
rest of Chaussette."""
