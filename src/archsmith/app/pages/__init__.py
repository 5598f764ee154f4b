"""The pages, made with NiceGUI. They show what the API answers, and do what it does."""
