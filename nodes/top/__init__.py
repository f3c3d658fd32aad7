"""`gossamer top`: a network as it is now, in a terminal.

`seen` is what is known, and since when; `asking` asks for it; `parts` and `frame` make lines of it,
and know of no terminal; `screen` is the terminal; `live` lets them go on side by side.
"""
