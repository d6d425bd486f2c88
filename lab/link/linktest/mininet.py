# A star of hosts on a Linux bridge; prints the times before, when up, when down.
import sys, time
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge
from mininet.topo import SingleSwitchTopo

t0 = time.time()
net = Mininet(topo=SingleSwitchTopo(k=int(sys.argv[1])), switch=LinuxBridge, controller=None)
net.start()
t1 = time.time()
net.stop()
t2 = time.time()
print(t0, t1, t2)
