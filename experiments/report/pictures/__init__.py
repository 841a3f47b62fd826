"""The pictures of reports: slices, planes and series, whole and zoomed."""
