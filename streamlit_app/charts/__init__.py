"""Pure functions from a frame to a Plotly figure; colours come from the theme."""
