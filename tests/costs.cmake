# The longest tests first, so that none of them is left alone at the end. Seconds, about.
set_tests_properties([=[sim: 20 training steps follow the CPU's, and replay gives the bits of eager execution]=] PROPERTIES COST 210)
set_tests_properties([=[training: ring8 under the penalty reaches the data, on three seeds]=] PROPERTIES COST 130)
set_tests_properties([=[sim: the self-check passes the kernels of every arithmetic]=] PROPERTIES COST 60)
