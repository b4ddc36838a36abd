pytest_plugins = ["standin_phone.fixtures"]
