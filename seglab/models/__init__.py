"""The architectures we had to write, one a file, and the choice of the activation in any network.

Configs name a class by its full path (`seglab.models.unet.UNet`), so this file imports nothing: adding a network
is adding a file. Networks that a library has are named in conf/model/ directly.
"""
