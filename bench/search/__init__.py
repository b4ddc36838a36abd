"""The search for mixed schemes: what each part costs, the loop, and what is measured in the end."""
