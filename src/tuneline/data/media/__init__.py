"""Images, audio, video and documents that examples point to: checked, looked at and uploaded."""
