"""The solar farm, the thermal camera, the flight plans and the truth about them."""
