"""Every chart of the page: what it shows, as Vega-Lite or Vega, and the same as a table."""
