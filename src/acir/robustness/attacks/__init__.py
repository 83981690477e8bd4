"""Attacks on hash codes: an attack is a goal and a search for a picture that reaches it.

A goal is a code of -1 and +1 for each picture; to move away from a code is to move towards its
opposite. Every goal goes with every search:

=======================  ============================================================
`goals.away_from_own`    HAG: no longer the picture's own code
`goals.away_from_class`  SAAT and CgAT: no longer the code that stands for its class
`goals.towards_class`    DHTA: the code that stands for another class
`pgd.pgd`                steps along the signs of the gradient; adaptive with a penalty
`square.square`          random squares; asks for logits, never for gradients
`universal.universal`    one perturbation for all pictures
=======================  ============================================================

Pictures lie in [0, 1], and no pixel changes by more than `eps`, in the same unit. What is attacked
is handed in as a callable, in evaluation mode; a picture's result does not depend on the others as
far as the callable's does not. Where pictures are grey, hand in one channel and a callable that
repeats it: else an attack will colour them.
"""
