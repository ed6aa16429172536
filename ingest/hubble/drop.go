package hubble

import "sluice/model"

// dropOf tells what a number of flow.proto's DropReason means: 133 and 181 are a policy's.
func dropOf(n uint32) model.Drop {
	switch n {
	case 0:
		return model.DropNone
	case 133, 181:
		return model.DropPolicy
	case 189:
		return model.DropAuth
	}
	return model.DropOther
}

// dropNamed tells what a drop_reason_desc means, which may be written as a number.
func dropNamed(desc string) model.Drop {
	switch desc {
	case "", "0", "DROP_REASON_UNKNOWN":
		return model.DropNone
	case "POLICY_DENIED", "133", "POLICY_DENY", "181":
		return model.DropPolicy
	case "AUTH_REQUIRED", "189":
		return model.DropAuth
	}
	return model.DropOther
}
