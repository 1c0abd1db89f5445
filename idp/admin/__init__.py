"""Console: the administrators' pages; every verb behind them is the desk's."""
