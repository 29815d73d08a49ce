"""What managed models take: a dated catalogue, its limits, token counts and training prices."""
