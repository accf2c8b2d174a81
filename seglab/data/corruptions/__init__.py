"""Images as a bad day makes them: noise, blur, weather, a dirty lens, compression, in five severities."""
