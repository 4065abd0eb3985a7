"""What people do with appointments, contacts and tasks in the console; synchronization carries it to the servers."""
