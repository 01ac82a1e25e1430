from hypothesis import settings

# Reading starts threads and loads kernels: how long one example takes says nothing.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
