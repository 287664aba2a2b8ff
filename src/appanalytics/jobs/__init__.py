"""What is done on a schedule or by one command: one function for each job. Only here do rooms meet."""
