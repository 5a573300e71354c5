package treatment

// StaffRole is what somebody may do in a clinic; a person has a set of them.
type StaffRole string

// Staff roles. A clinician is a licensed nurse or therapist.
const (
	RoleAdmin      StaffRole = "admin"
	RolePrescriber StaffRole = "prescriber"
	RoleClinician  StaffRole = "clinician"
)

// StaffRoles lists every staff role.
var StaffRoles = []StaffRole{RoleAdmin, RolePrescriber, RoleClinician}

// StaffStatus says whether somebody still works in the clinic.
type StaffStatus string

// Staff statuses.
const (
	StaffActive      StaffStatus = "active"
	StaffDeactivated StaffStatus = "deactivated"
)

// StaffStatuses lists every staff status.
var StaffStatuses = []StaffStatus{StaffActive, StaffDeactivated}

// PatientStatus says whether somebody is in the clinic's care.
type PatientStatus string

// Patient statuses. Leaving active ends the patient's treatments.
const (
	PatientActive      PatientStatus = "active"
	PatientInactive    PatientStatus = "inactive"
	PatientTransferred PatientStatus = "transferred"
	PatientDeceased    PatientStatus = "deceased"
)

// PatientStatuses lists every patient status.
var PatientStatuses = []PatientStatus{PatientActive, PatientInactive, PatientTransferred, PatientDeceased}
