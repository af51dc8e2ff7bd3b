"""Charts as Vega-Lite specifications: plain dictionaries made of answers, data inside."""
