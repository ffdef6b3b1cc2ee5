module eider/bench/load

go 1.21
