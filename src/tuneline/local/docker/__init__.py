"""Tasks in containers on this machine, by kfp's own DockerRunner with its hazards taken out."""
