"""What a drone tells its nodes of itself: where it is, how its camera sits and sees."""
