"""The viewer of reports: panes that scroll through the slices and frames of every method."""
