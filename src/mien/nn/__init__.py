"""Networks: functions of numbers, without files or global state."""
