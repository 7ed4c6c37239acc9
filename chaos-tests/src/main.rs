mod checker; mod history; mod powercut; fn main(){}
